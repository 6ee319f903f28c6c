/** What the component Onboarding makes of its inputs. That it works on real servers is shown by the examples' tests. */
import * as assert from "node:assert/strict";
import * as pulumi from "@pulumi/pulumi";
import { Onboarding, type OnboardingArgs } from "../../sdk";
import { makePair } from "../support/openssl-pair";
import { type Registration, registerAll } from "../support/registrations";

const dynamic = (resource: string): string => `pulumi-nodejs:dynamic/lxd-access:${resource}`;
const secret = (value: unknown): object => ({
  "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
  value,
});

/** What the engine is given for an Onboarding of these inputs, by resource; `listens` is where the server does. */
async function onboarded(
  args: OnboardingArgs,
  listens: readonly string[] = ["10.0.0.12:8443"],
): Promise<Record<string, Registration | undefined>> {
  const outputs = {
    serverType: "incus",
    serverFingerprint: "ab",
    fingerprint: "cd",
    certificate: "PEM",
    privateKey: "KEY",
    token: "T",
  };
  const addresses = {
    HttpsAddress: { addresses: listens },
    TrustToken: { addresses: ["10.0.0.11:8443", "10.0.0.12:8443"] },
  };
  const { registrations } = await registerAll(() => new Onboarding("edge-1", args), outputs, addresses);
  return Object.fromEntries(registrations.map((one) => [one.type.replace(/^.*:/, ""), one]));
}

describe("Onboarding", () => {
  it("makes the three resources in their order, each wired to the one before, as its children", async () => {
    const {
      Onboarding: itself,
      HttpsAddress,
      TrustToken,
      Remote,
      ClientCertificate,
    } = await onboarded({
      address: ":8443",
      projects: ["web"],
      connection: { socketPath: "/s" },
    });
    assert.equal(itself?.type, "lxd-access:index:Onboarding");
    for (const child of [HttpsAddress, TrustToken, Remote, ClientCertificate]) {
      assert.equal(child?.parent, "edge-1");
      assert.equal(child.name, "edge-1");
    }
    assert.deepEqual(HttpsAddress?.properties["address"], ":8443");
    assert.deepEqual(HttpsAddress.properties["connection"], { socketPath: "/s" });
    assert.deepEqual(TrustToken?.properties["connection"], { socketPath: "/s" });
    assert.deepEqual(TrustToken.properties["projects"], ["web"]);
    assert.equal(TrustToken.properties["clientName"], "edge-1");
    assert.equal(TrustToken.properties["clientFingerprint"], "cd");
    assert.ok(TrustToken.dependencies.some((one) => one.includes("HttpsAddress")));
    assert.deepEqual(Remote?.properties["token"], secret("T"));
    assert.deepEqual(Remote.properties["clientKey"], secret("KEY"));
    assert.equal(Remote.properties["serverFingerprint"], "ab");
    assert.equal(Remote.properties["name"], "edge-1");
    assert.equal("configFlavor" in Remote.properties, false, "it needs a configDir");
    assert.deepEqual(Remote.properties["addresses"], ["10.0.0.11:8443", "10.0.0.12:8443"]);
    for (const part of ["TrustToken", "HttpsAddress"])
      assert.ok(
        Remote.dependencies.some((one) => one.includes(dynamic(part))),
        part,
      );
  });

  it("finds the server where the token says, until it listens at none of these any more", async () => {
    const token = ["10.0.0.11:8443", "10.0.0.12:8443"];
    const anywhere = { address: ":8443", projects: [] };
    for (const [listens, found] of [
      [token, token],
      // An interface came, another one went, of a listener on all of them.
      [["10.0.0.12:8443", "172.17.0.1:8443"], token],
      [["10.0.0.13:8443"], ["10.0.0.13:8443"]],
    ] as const) {
      const { Remote } = await onboarded(anywhere, listens);
      assert.deepEqual(Remote?.properties["addresses"], found);
    }
  });

  it("goes to the member of a cluster that issued the token, and to no other", async () => {
    const { Remote } = await onboarded({ address: "10.0.0.13", target: "b", projects: [] }, [
      "10.0.0.13:8443",
    ]);
    assert.deepEqual(Remote?.properties["addresses"], ["10.0.0.11:8443", "10.0.0.12:8443"]);
  });

  it("expects the client that is said to be trusted already, such as that of a client directory", async () => {
    const made = await onboarded({
      address: ":8443",
      projects: [],
      configDir: "lxc",
      clientFingerprint: "ef",
    });
    assert.equal(made["TrustToken"]?.properties["clientFingerprint"], "ef");
  });

  it("uses a given pair, and expects its certificate on the server", async () => {
    const { certificate, privateKey, fingerprint } = makePair("ci");
    const made = await onboarded({
      subnet: "10.0.0.0/8",
      groups: ["deployers"],
      clientCertificate: pulumi.secret(certificate),
      clientKey: privateKey,
      tokenAddresses: ["lxd.example.org"],
    });
    assert.equal(made["ClientCertificate"], undefined);
    assert.equal(made["TrustToken"]?.properties["clientFingerprint"], fingerprint);
    assert.deepEqual(made["TrustToken"].properties["addresses"], ["lxd.example.org"]);
    assert.deepEqual(made["Remote"]?.properties["addresses"], ["lxd.example.org"]);
    assert.deepEqual(made["TrustToken"].properties["groups"], ["deployers"]);
    assert.deepEqual(made["Remote"].properties["clientCertificate"], secret(certificate));
    assert.equal(made["HttpsAddress"]?.properties["subnet"], "10.0.0.0/8");
    assert.equal("connection" in made["HttpsAddress"].properties, false, "nothing that was not given");
  });

  it("leaves the pair of a client directory to the Remote, and writes it for the server's own client", async () => {
    const made = await onboarded({
      address: ":8443",
      restricted: false,
      configDir: "~/.config/incus",
      setDefault: true,
    });
    assert.equal(made["ClientCertificate"], undefined);
    assert.equal("clientFingerprint" in (made["TrustToken"]?.properties ?? {}), false);
    assert.equal(made["Remote"]?.properties["configFlavor"], "incus");
    assert.equal(made["Remote"].properties["setDefault"], true);
  });

  it("does not take a connection that was given as undefined for none", async () => {
    const made = await onboarded({ address: ":8443", projects: [], connection: undefined });
    assert.deepEqual(made["HttpsAddress"]?.properties["connection"], {});
    assert.deepEqual(made["TrustToken"]?.properties["connection"], {});
  });

  it("says what is wrong with a certificate that is none", async () => {
    await assert.rejects(
      onboarded({ address: ":8443", projects: [], clientCertificate: "nonsense", clientKey: "k" }),
      /clientCertificate is not a certificate in PEM form/,
    );
  });

  it("refuses a key without its certificate, which would go unused", async () => {
    await assert.rejects(
      onboarded({ address: ":8443", projects: [], clientKey: "k" }),
      /clientKey is of no use without clientCertificate/,
    );
  });
});
