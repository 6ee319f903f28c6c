import { matchesExactly } from "./pattern";
import { forEachText, type Looked, resourceRule, shown, texts } from "./rule";

interface Config {
  projects?: string[];
}

/** Clients get into projects of a list, and into no others. Without a list the rule says nothing. */
export const allowedProjects = resourceRule<Config>({
  name: "allowed-projects",
  description:
    "A client that is let into a project sees and changes all of it. A slip in a project's name lets it into another team's.",
  enforcementLevel: "mandatory",
  severity: "high",
  remediationSteps: "Use a project of the list, or have the project added to the list (projects).",
  configuration: {
    projects: {
      ...texts,
      description:
        "Projects that may be named. `*` stands for any text. Without this list the rule says nothing; [] allows none.",
    },
  },
  looksAt: {
    TrustToken(token) {
      forEachText(token.props["projects"], (project, index) => {
        judge(token, `projects[${index}]`, project);
      });
    },
    Remote(remote) {
      const { project } = remote.props;
      if (typeof project === "string") judge(remote, "project", project);
    },
  },
});

function judge({ config, report }: Looked<Config>, property: string, project: string): void {
  const { projects } = config;
  if (projects === undefined || projects.some((pattern) => matchesExactly(project, pattern))) return;
  const list = projects.length === 0 ? "none is allowed" : `allowed are ${projects.map(shown).join(", ")}`;
  report(
    `${property} is a project that clients must not be let into: ${list}. Use one of these, or have it added to the list.`,
  );
}
