/** The runs that are cut off, of whole stacks: made, changed and destroyed, as an Onboarding wires them. */
import type { FlowMaker } from "./crash-flow";
import { clientDirectory, type CrashGround } from "./crash-ground";
import type { Made, Program } from "./small-engine";

interface Wishes {
  readonly address: string;
  readonly projects?: readonly string[];
  readonly remote?: string;
  /** Whether the client's key is a ClientCertificate's; else it is the client directory's. */
  readonly certificate?: boolean;
}

/** HttpsAddress, TrustToken and Remote, each wired to the next, with a pair that outlives an interrupted run. */
function onboarding({ server }: CrashGround, wishes: Wishes): Program {
  const connection = { socketPath: server.socketPath };
  const { address, projects = ["default"], remote = "edge", certificate = false } = wishes;
  const of = (made: Made, name: string, output: string): unknown => made[name]?.[output];
  const pairOf = (made: Made): object =>
    certificate
      ? {
          clientCertificate: of(made, "certificate", "certificate"),
          clientKey: of(made, "certificate", "privateKey"),
        }
      : { configDir: `./${clientDirectory}`, setDefault: true };
  return {
    ...(certificate && {
      certificate: { resource: "ClientCertificate", inputs: () => ({ commonName: "edge" }) },
    }),
    server: { resource: "HttpsAddress", inputs: () => ({ address, connection }) },
    invitation: {
      resource: "TrustToken",
      inputs: (made) => ({
        ...{ clientName: "edge", projects, connection },
        clientFingerprint: of(made, "certificate", "fingerprint"),
      }),
    },
    remote: {
      resource: "Remote",
      inputs: (made) => ({
        ...{ name: remote, token: of(made, "invitation", "token"), ...pairOf(made) },
        // As Onboarding does it: the listener of now.
        addresses: of(made, "server", "addresses"),
        serverFingerprint: of(made, "server", "serverFingerprint"),
      }),
    },
  };
}

const set = ["before PATCH /1.0", "after PATCH /1.0"];
const issued = ["before POST /1.0/certificates", "after POST /1.0/certificates"];
const written = [
  "mkdir client",
  "amid writeFile",
  "rename client/config.yml",
  "config.yml.lock",
  "-writable",
];
const restricted = ["before PATCH /1.0/certificates/FINGERPRINT"];
const removed = ["before DELETE /1.0/certificates/FINGERPRINT"];

/** By title. The client's key is a ClientCertificate's, or the client directory's. */
export function onboardingFlows(certificate: boolean): Record<string, FlowMaker> {
  const all = (ground: CrashGround, wishes: Partial<Wishes> = {}): Program =>
    onboarding(ground, { address: ground.others[0], certificate, ...wishes });
  return {
    "made, killed while it invites": (ground) => ({
      ...{ doing: "creating the TrustToken of an Onboarding", name: "invitation", expects: issued },
      after: all(ground),
    }),
    "made, killed while it joins": (ground) => ({
      ...{ doing: "creating the Remote of an Onboarding", name: "remote" },
      expects: certificate ? issued : [...issued, ...written],
      after: all(ground),
    }),
    "moved, killed while it moves the listener": (ground) => ({
      ...{ doing: "updating the HttpsAddress of an Onboarding", name: "server", expects: set },
      before: all(ground),
      after: all(ground, { address: ground.others[1] }),
    }),
    "other projects, killed while it changes the client": (ground) => ({
      ...{ doing: "updating the TrustToken of an Onboarding", name: "invitation", expects: restricted },
      before: all(ground),
      after: all(ground, { projects: ["default", "second"] }),
    }),
    "destroyed, killed while the Remote goes": (ground) => ({
      ...{
        doing: "deleting the Remote of an Onboarding",
        name: "remote",
        expects: certificate ? removed : ["rename"],
      },
      before: all(ground),
      after: {},
    }),
    "destroyed, killed while the TrustToken goes": (ground) => ({
      ...{ doing: "deleting the TrustToken of an Onboarding", name: "invitation", expects: removed },
      before: all(ground),
      after: {},
    }),
    "destroyed, killed while the HttpsAddress goes": (ground) => ({
      ...{ doing: "deleting the HttpsAddress of an Onboarding", name: "server", expects: set },
      before: all(ground),
      after: {},
    }),
  };
}
