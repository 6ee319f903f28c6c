import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { PulumiProject } from "../support/pulumi-project";
import { makePair } from "../support/openssl-pair";
import { openHttps, viewOf } from "../support/server-view";
import { startServer } from "../support/servers";
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
    const server = await startServer("lxd-daemon");
    const p = await PulumiProject.create(program);
    try {
    const view = viewOf(server);
    const admin = await openHttps(server);
    const pair = makePair("x");
    const token = await view.issueToken("findable-ci", { restricted: false, projects: [] });
    mkdirSync(join(p.directory, "lxc/servercerts/prod.crt"), { recursive: true });
    p.write("given.json", JSON.stringify([
      ["HttpsAddress", "server", { address: admin.address, connection: admin.connection }],
      ["TrustToken", "invitation", { clientName: "other", projects: [], connection: admin.connection }],
      ["TrustToken", "broken", { clientName: "other", projects: [], connection: {...admin.connection, serverFingerprint: "a".repeat(64)} }],
      ["ClientCertificate", "key", { pkcs12Password: "PLAINPASSWORD" }],
      ["Remote", "used", { token: Buffer.from(Buffer.from(token, "base64").toString().replace(/"secret":"......../, '"secret":"00000000')).toString("base64"), clientCertificate: pair.certificate, clientKey: pair.privateKey }],
      ["Remote", "prod", { token, clientCertificate: pair.certificate, clientKey: pair.privateKey, configDir: "./lxc" }],
    ]));
    const t = Date.now();
    const r = await p.run(["up", "--yes", "--skip-preview", "--continue-on-error"]);
    console.log(r.code, r.output, Date.now() - t);
    const keyline = String(admin.connection["clientKey"]).split("\n")[2] ?? "";
    for (const v of ["1", "3", "5", "7", "8", "9", "11"]) {
      const t = Date.now();
      const r = await p.run(["preview", "--logtostderr", "-v", v]);
      console.log("-v", v, r.code, r.output.length, "password", r.output.includes("PLAINPASSWORD"), "token", r.output.includes(token), "key", r.output.includes(keyline), Date.now() - t);
    }
    } finally { await server.stop(); p.remove(); }
  });
});
