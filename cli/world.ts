/** What a command has of the world around it. */
export interface World {
  readonly environment: NodeJS.ProcessEnv;
  /** Absolute path of the folder in which the command was called. */
  readonly directory: string;
  readonly now: () => Date;
  /** Writes to standard output: what was asked for. */
  readonly out: (text: string) => void;
  /** Writes to standard error: progress, and what went wrong. */
  readonly err: (text: string) => void;
  /** Whether people read standard output, in colour if they want any (NO_COLOR), and standard error, where progress may move. */
  readonly isTerminal: { readonly out: boolean; readonly err: boolean };
}
