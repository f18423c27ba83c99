/** Loaded into a child (`node --import`): it ends with the process that started it, however and whenever that one ended. */
process.on("disconnect", () => process.exit(0));
// That one may have ended before this was loaded: nobody heard of it then. In a thread there is nothing to hear.
if (process.connected === false) process.exit(0);
process.channel?.unref();
