/** Loaded into a process that is profiled: it writes its profile only where it ends by itself. */
process.once("message", () => process.exit(0));
