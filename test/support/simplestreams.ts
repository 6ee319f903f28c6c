/** An image server on loopback that speaks simplestreams, with a certificate that no CA of the system vouches for. */
import { createServer } from "node:https";
import { listenOn } from "../contract/tls-listener";
import { makePair } from "./openssl-pair";

export interface ImageServer {
  readonly url: string;
  /** PEM. */
  readonly certificate: string;
  /** How many requests came so far. */
  readonly requests: () => number;
  close(): Promise<void>;
}

const index = {
  format: "index:1.0",
  index: {
    images: {
      ...{ datatype: "image-downloads", path: "streams/v1/images.json" },
      products: ["debian:12:amd64:default"],
    },
  },
};

const print = (digit: string): string => digit.repeat(64);
const metadata = (name: string): object => ({
  [name]: {
    ...{ ftype: name, sha256: print("a"), size: 10, path: `x/${name}` },
    ...{ combined_squashfs_sha256: print("b"), combined_sha256: print("c") },
  },
});

/** One image, which both clients know the files of. */
const images = {
  ...{ content_id: "images", datatype: "image-downloads", format: "products:1.0" },
  products: {
    "debian:12:amd64:default": {
      ...{ aliases: "debian/12", arch: "amd64", os: "Debian", release: "bookworm" },
      ...{ release_title: "bookworm", variant: "default" },
      versions: {
        "20260101": {
          items: {
            ...metadata("lxd.tar.xz"),
            ...metadata("incus.tar.xz"),
            "root.squashfs": { ftype: "squashfs", sha256: print("d"), size: 10, path: "x/root.squashfs" },
          },
        },
      },
    },
  },
};

/** Starts one; its paths begin with anything. */
export async function listenSimplestreams(): Promise<ImageServer> {
  const { certificate, privateKey } = makePair("mirror", "P-384", "IP:127.0.0.1");
  let requests = 0;
  const server = createServer({ cert: certificate, key: privateKey }, ({ url = "" }, response) => {
    requests++;
    if (url.endsWith("/streams/v1/index.json")) response.end(JSON.stringify(index));
    else if (url.endsWith("/streams/v1/images.json")) response.end(JSON.stringify(images));
    else response.writeHead(404).end();
  });
  const { port, close } = await listenOn(server);
  return { url: `https://127.0.0.1:${port}`, certificate, requests: () => requests, close };
}
