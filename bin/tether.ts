/** Loaded into a child (`node --import`): it ends with the process that started it, however and whenever that one ended. */
process.on("disconnect", () => process.exit(0));
// That one may have ended before this was loaded: nobody heard of it then.
if (!process.connected) process.exit(0);
process.channel?.unref();
