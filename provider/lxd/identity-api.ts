/**
 * TLS identities: clients whose rights come from groups. Servers with the API extension `access_management_tls` have them.
 * https://documentation.ubuntu.com/lxd/latest/explanation/authorization/#fine-grained-authorization
 */
import { AccessError, isAccessError } from "../errors";
import {
  currentIdentity,
  identityEntity,
  identityToken,
  namesInUrls,
  type CurrentIdentity,
  type Identity,
  type IdentityToken,
} from "./entities";
import { inPath, type ReadOptions, RestApi } from "./rest-api";
import { secretsOf } from "./trust-token";

const identities = "/1.0/auth/identities";

const identityList = identityEntity.array();

export class IdentityApi extends RestApi {
  /** Names of the groups; a client without `can_view_groups` is shown its own. */
  async getGroupNames(options: ReadOptions = {}): Promise<readonly string[]> {
    const doing = `Listing the groups of ${this.name}`;
    const reply = await this.read({ method: "GET", path: "/1.0/auth/groups" }, doing, options);
    return this.parse(namesInUrls, reply, doing);
  }

  /** Identities, pending ones and entries of the trust store too; a client without `can_view_identities` is shown itself. */
  async getIdentities(options: ReadOptions = {}): Promise<readonly Identity[]> {
    const doing = `Listing the identities of ${this.name}`;
    const request = { method: "GET", path: `${identities}/tls`, query: { recursion: "1" } } as const;
    return this.parse(identityList, await this.read(request, doing, options), doing);
  }

  /**
   * Who this connection's client is, and what it may do. Undefined where the server says that it knows it otherwise: by a
   * unix socket, or by a certificate authority.
   */
  async getCurrentIdentity(options: ReadOptions = {}): Promise<CurrentIdentity | undefined> {
    const doing = `Asking ${this.name} who this client is`;
    const reply = await this.read({ method: "GET", path: `${identities}/current` }, doing, options);
    try {
      return this.parse(currentIdentity, reply, doing);
    } catch (error) {
      if (isAccessError(error, "LXD_NOT_FOUND")) return undefined;
      throw error;
    }
  }

  /**
   * Makes a pending identity in these groups, each named once. LXD_NOT_FOUND where a group does not exist,
   * LXD_ALREADY_EXISTS where the name is taken. The answer holds the secret of its token.
   */
  async createPendingIdentity(name: string, groups: readonly string[]): Promise<IdentityToken> {
    const doing = `Issuing a trust token for the identity ${JSON.stringify(name)} on ${this.name}`;
    const body = { name, token: true, groups };
    const metadata = await this.write({ method: "POST", path: `${identities}/tls`, body }, doing);
    const token = identityToken.safeParse(metadata);
    if (token.success) return token.data;
    throw new AccessError("LXD_PROTOCOL", `${doing}: the server's answer is not the token of an identity`);
  }

  /**
   * Sets the groups of an identity, named by its id or its name, and with `certificate` (PEM) its key. An identity may
   * give itself another certificate if it leaves its groups as they are. LXD_NOT_FOUND where there is none, or no group.
   */
  async updateIdentity(
    idOrName: string,
    { groups, certificate }: { groups: readonly string[]; certificate?: string },
  ): Promise<void> {
    const doing = `Changing the identity ${idOrName} on ${this.name}`;
    const body = { groups, tls_certificate: certificate };
    await this.write({ method: "PUT", path: identityPath(idOrName), body }, doing);
  }

  /** Removes an identity, named by its id or its name; of a pending one the token is then void. LXD_NOT_FOUND where there is none. */
  async deleteIdentity(idOrName: string): Promise<void> {
    const doing = `Removing the identity ${idOrName} from ${this.name}`;
    await this.write({ method: "DELETE", path: identityPath(idOrName) }, doing);
  }

  /** Redeems the token of a pending identity with this connection's client certificate. The body holds nothing else. */
  async redeemIdentityToken(token: string): Promise<void> {
    const doing = `Redeeming a trust token on ${this.name}`;
    const secrets = secretsOf(token);
    const body = { trust_token: token };
    await this.write({ method: "POST", path: `${identities}/tls`, body, secrets }, doing);
  }
}

function identityPath(idOrName: string): string {
  return `${identities}/tls/${inPath(idOrName)}`;
}
