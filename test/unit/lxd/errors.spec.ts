import * as assert from "node:assert/strict";
import type { ErrorCode } from "../../../provider/errors";
import { AccessError } from "../../../provider/errors";
import { classify, LxdError } from "../../../provider/lxd/errors";

/** What servers answer: LXD 5.0.2, 5.21.7 and 6.9, Incus 6.0.4. */
const answers: Partial<Record<ErrorCode, [status: number, message: string][]>> = {
  LXD_TOKEN_REJECTED: [
    [403, "No matching certificate add operation found"],
    [500, "Bad certificate add operation data"],
    [
      500,
      "Failed during search for pending TLS identity: Failed finding a matching pending identity: " +
        "No pending identities found with given secret",
    ],
    [
      400,
      "Failed during search for certificate add token operation: TLS Identity token detected (you must update your client)",
    ],
    [
      500,
      "Failed during search for certificate add token operation: TLS Identity token detected (you must update your client)",
    ],
  ],
  LXD_TOKEN_EXPIRED: [
    [403, "Failed during search for certificate add token operation: Token has expired"],
    [500, "Failed during search for certificate add token operation: Token has expired"],
    [400, "Failed during search for certificate add token operation: Token has expired"],
    [500, "Failed during search for pending TLS identity: Token has expired"],
  ],
  LXD_NOT_TRUSTED: [
    [403, "Forbidden"],
    [403, "not authorized"],
    [403, "Certificate is restricted"],
    [500, 'User does not have permissions for project "default"'],
    [403, 'User does not have permission for project "p1"'],
    [403, "Certificate cannot be deleted"],
    [403, "Only trust token must be provided"],
    [403, "Failed verifying bearer token: token is unverifiable"],
    [401, "Unauthorized"],
  ],
  LXD_NOT_FOUND: [
    [404, "Not Found"],
    [404, "Certificate not found"],
    [404, "Project not found"],
    [404, "Operation not found"],
    [404, 'Failed creating pending TLS identity: One or more groups were not found: "nope"'],
    [400, "Only running operations can be cancelled"],
    [400, "This operation can't be cancelled"],
  ],
  LXD_ALREADY_EXISTS: [
    [409, "Client is already trusted"],
    [400, "Client is already trusted"],
    [409, "Certificate already in trust store"],
    [409, 'An identity with name "i1" already exists'],
    [500, 'Certificate "x" already exists'],
  ],
  LXD_ETAG_MISMATCH: [
    [412, "ETag doesn't match: 3f2a vs 9b1c"],
    [412, "ETag does not match: 3f2a vs 9b1c"],
  ],
  LXD_UNREACHABLE: [
    [503, "LXD is shutting down"],
    [503, "Service Unavailable"],
    [503, "Shutting down"],
    [500, "Failed to begin transaction: sql: database is closed"],
    [503, "LXD daemon setup in progress"],
    [500, "Daemon is starting up"],
    [500, "Missing event connection with target cluster member"],
    [
      500,
      'Get "https://127.0.0.3:8443/1.0?target=b": Unable to connect to: 127.0.0.3:8443 ([dial tcp 127.0.0.3:8443: connect: connection refused])',
    ],
  ],
  LXD_REJECTED: [
    [
      500,
      'Cannot listen on network HTTPS socket "192.0.2.1:8443": listen tcp 192.0.2.1:8443: bind: cannot assign requested address',
    ],
    [
      500,
      'Cannot listen on network HTTPS socket ":8443": Failed listening on address ":8443": listen tcp :8443: bind: address already in use',
    ],
    [400, "cannot set 'core.https_address' to 'foo bar': Couldn't resolve \"foo bar\""],
    [400, 'Cannot set "no.such.key" to "1": Unknown key'],
    [400, "Cannot issue token when server is not listening on network"],
    [400, "Can't issue token when server isn't listening on network"],
    [400, "No client certificate provided"],
    [400, "The provided certificate is expired"],
    [400, "illegal base64 data at input byte 0"],
    [501, "Password authentication is no longer supported, please update your client"],
    [500, "Internal Server Error"],
    [200, "context deadline exceeded"],
  ],
};

describe("what a server's refusal means", () => {
  for (const [code, rows] of Object.entries(answers)) {
    describe(code, () => {
      for (const [status, message] of rows) {
        it(`${status} ${message}`, () => {
          assert.equal(classify(status, message), code);
        });
      }
    });
  }

  it("is told with what was being done, the status and the server's words", () => {
    const error = new LxdError("Reading the server https://10.0.0.1:8443", "Forbidden", 403);
    assert.ok(error instanceof AccessError);
    assert.equal(error.errorCode, "LXD_NOT_TRUSTED");
    assert.equal(error.serverMessage, "Forbidden");
    assert.equal(
      error.message,
      "Reading the server https://10.0.0.1:8443: the server refused (403): Forbidden [LXD_NOT_TRUSTED]",
    );
    assert.equal("code" in error, false, "Pulumi takes a `code` for a gRPC status");
  });
});
