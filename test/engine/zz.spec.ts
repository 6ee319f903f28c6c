import { PulumiProject } from "../support/pulumi-project";
import { makePair } from "../support/openssl-pair";
const program = `
import { ClientCertificate, HttpsAddress, Remote, TrustToken } from "pulumi-lxd-access";
import { readFileSync } from "node:fs";
const given = JSON.parse(readFileSync("given.json", "utf8"));
for (const [type, name, args] of given) {
  const Class: any = { ClientCertificate, HttpsAddress, Remote, TrustToken }[type as string];
  new Class(name, args);
}
`;
describe("zz", function () {
  this.timeout(300000);
  it("x", async () => {
    const p = await PulumiProject.create(program);
    const pair = makePair("x");
    const https = { address: "127.0.0.1:1", clientCertificate: pair.certificate, clientKey: pair.privateKey, serverFingerprint: "a".repeat(64) };
    const all: unknown[] = [
      ["HttpsAddress", "two", { address: ":8443", connection: { ...https, socketPath: "/x" } }],
      ["HttpsAddress", "bad", { address: ":8443", connection: { ...https, clientKey: "PLAINMARKER1" } }],
      ["HttpsAddress", "unknownprop", { address: ":8443", connection: { ...https, privateKey: "PLAINMARKER2" } }],
      ["Remote", "tok", { token: "PLAINMARKER3", clientKey: "PLAINMARKER4" }],
      ["ClientCertificate", "cc", { pkcs12Password: ["PLAINMARKER5"] }],
      ["Remote", "multi", { name: "a/b", clientKey: "PLAINMARKER6", setDefault: true, configFlavor: "lxc" }],
    ];
    for (const one of all) {
    p.write("given.json", JSON.stringify([one]));
    const r = await p.run(["preview"]);
    console.log(r.code, r.output);
    }
    p.write("given.json", JSON.stringify([["ClientCertificate", "aa", {}], ...all]));
    const r2 = await p.run(["preview"]);
    console.log(r2.code, r2.output);
    p.remove();
  });
});
