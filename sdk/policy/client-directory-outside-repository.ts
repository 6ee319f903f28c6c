import { existsSync, realpathSync } from "node:fs";
import { homedir } from "node:os";
import { basename, dirname, isAbsolute, join, relative, sep } from "node:path";
import { type Looked, partsOf, refuseConfiguration, resourceRule, shown } from "./rule";

interface Config {
  repository?: string;
}

const name = "client-directory-outside-repository";

/** Client directories, which hold private keys, are not where they are committed. */
export const clientDirectoryOutsideRepository = resourceRule<Config>({
  name,
  description:
    "A client directory holds the client's private key. In a repository's folder it is one `git add` away from everybody who can read the repository.",
  enforcementLevel: "mandatory",
  severity: "high",
  remediationSteps:
    "Give a path below the home folder, such as ~/.config/lxc or ~/.config/lxd-access/ci, or an absolute one outside of the repository. A key that was committed is to be replaced.",
  configuration: {
    repository: {
      type: "string",
      description:
        "The repository's folder, as an absolute path. By default the closest folder above the policy pack that has a .git; where there is none, only relative paths are in the repository.",
    },
  },
  looksAt: {
    Remote: (remote) => {
      judge(remote, "configDir", remote.props["configDir"]);
    },
    HttpsAddress: judgeConnection,
    TrustToken: judgeConnection,
    Provider: (provider) => {
      // In the plugin's provider it is an input; that of dynamic resources has all of the stack's configuration.
      for (const property of ["configDir", "lxd-access:configDir"])
        judge(provider, property, provider.props[property]);
    },
  },
});

function judgeConnection(resource: Looked<Config>): void {
  judge(resource, "connection.configDir", partsOf(resource.props["connection"])["configDir"]);
}

function judge({ config, report }: Looked<Config>, property: string, path: unknown): void {
  const { repository } = config;
  if (repository !== undefined && !isAbsolute(repository))
    refuseConfiguration(name, `repository is ${shown(repository)}, which is no absolute path`);
  const where = typeof path === "string" && path !== "" ? placeInRepository(path, repository) : undefined;
  if (where !== undefined)
    report(
      `${property} is ${where}: the private key in it would be committed with the program. ` +
        "Give a path below the home folder, such as ~/.config/lxc, or an absolute one outside of the repository.",
    );
}

/**
 * How a path lies in the repository, as a phrase; undefined where it does not. A relative path begins at the program's folder,
 * which a policy pack is not told.
 */
function placeInRepository(path: string, repository = repositoryAbove(process.cwd())): string | undefined {
  const isOfHome = path === "~" || path.startsWith("~/");
  if (!isOfHome && !isAbsolute(path)) return "relative to the program's folder";
  if (repository === undefined) return undefined;
  const absolute = isOfHome ? join(homedir(), path.slice(1)) : path;
  return isBelow(realPath(absolute), realPath(repository))
    ? `in the repository's folder ${shown(repository)}`
    : undefined;
}

/** A policy pack's working directory is the pack, which is part of the repository or in its node_modules. */
function repositoryAbove(folder: string): string | undefined {
  if (existsSync(join(folder, ".git"))) return folder;
  return dirname(folder) === folder ? undefined : repositoryAbove(dirname(folder));
}

/** A path without links, as far as it is there. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return dirname(path) === path ? path : join(realPath(dirname(path)), basename(path));
  }
}

function isBelow(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}
