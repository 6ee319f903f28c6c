/**
 * `pulumi-lxd-access/policy`: rules for programs with resources of this package, for packs of `@pulumi/policy`. They are plain
 * objects; nothing is started when this is loaded. See docs/policy.md.
 */
import type { Policies } from "@pulumi/policy";
import { allowedProjects } from "./allowed-projects";
import { clientCertificateLimits } from "./client-certificate-limits";
import { clientCertificateRotation } from "./client-certificate-rotation";
import { clientDirectoryOutsideRepository } from "./client-directory-outside-repository";
import { identityTokens } from "./identity-tokens";
import { noPublicAddress } from "./no-public-address";
import { noUnrestrictedToken } from "./no-unrestricted-token";
import { noWildcardListener } from "./no-wildcard-listener";
import { oneCertificatePerStage } from "./one-certificate-per-stage";
import { pinnedRemotes } from "./pinned-remotes";
import { revokeOnDelete } from "./revoke-on-delete";

export {
  allowedProjects,
  clientCertificateLimits,
  clientCertificateRotation,
  clientDirectoryOutsideRepository,
  identityTokens,
  noPublicAddress,
  noUnrestrictedToken,
  noWildcardListener,
  oneCertificatePerStage,
  pinnedRemotes,
  revokeOnDelete,
};

/** All rules. */
export const policies: Policies = [
  noWildcardListener,
  noPublicAddress,
  noUnrestrictedToken,
  allowedProjects,
  identityTokens,
  revokeOnDelete,
  pinnedRemotes,
  clientCertificateLimits,
  clientCertificateRotation,
  clientDirectoryOutsideRepository,
  oneCertificatePerStage,
];
