/** The cases of the lifecycle table. */
import { httpsAddressCases } from "./cases/https-address";
import { identityRemoteCases } from "./cases/identity-remote";
import { remoteCases } from "./cases/remote";
import { trustTokenCases } from "./cases/trust-token";
import type { LifecycleCase } from "./lifecycle";

export const lifecycleCases: readonly LifecycleCase[] = [
  ...httpsAddressCases,
  ...trustTokenCases,
  ...remoteCases,
  ...identityRemoteCases,
];
