/** A connection that may not administer the server: each call is an error that names the missing right, never "gone". */
import { strict as assert } from "node:assert";
import { makePair } from "./openssl-pair";
import { openHttps, viewOf } from "./server-view";
import { type ServerKind, startServer } from "./servers";
import { Stack } from "./stack";

export async function hiddenIsNotGone(kind: ServerKind): Promise<void> {
  const server = await startServer(kind);
  try {
    const view = viewOf(server);
    const stack = new Stack(server.directory);
    // Even a stack that keeps what does not answer must not keep quiet about this.
    stack.config = { onUnreachable: "keep" };
    const { address, connection } = await openHttps(server);
    const { certificate, privateKey, fingerprint } = makePair("guest");
    await view.trust("guest", certificate);
    const entry = (await view.request("GET", `/1.0/certificates/${fingerprint}`)) as object;
    const restriction = { restricted: true, projects: ["default"] };
    await view.request("PUT", `/1.0/certificates/${fingerprint}`, { ...entry, ...restriction });

    const asGuest = { ...connection, clientCertificate: certificate, clientKey: privateKey };
    const made = [
      await stack.create("HttpsAddress", { address, connection }),
      await stack.create("TrustToken", { clientName: "ci", projects: ["default"], connection }),
    ];
    for (const one of made) {
      const inputs = { ...one.inputs, connection: asGuest };
      const resource = { ...one, inputs, outputs: { ...one.outputs, connection: asGuest } };
      const pattern =
        /does not show its configuration to this client.*unrestricted client certificate.*\[LXD_NOT_TRUSTED\]/s;
      await assert.rejects(stack.refresh(resource), pattern);
      await assert.rejects(stack.update(resource, inputs), pattern);
      await assert.rejects(stack.destroy(resource), pattern);
      const { message } = await stack.createFails(one.name, inputs);
      assert.match(message, pattern);
    }
    assert.equal(await view.address(), address);
    assert.deepEqual(await view.pendingTokens(), ["ci"]);
  } finally {
    await server.stop();
  }
}
