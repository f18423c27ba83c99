/** Loaded into a child (`node --import`): it ends with the process that started it, however that one ended. */
process.on("disconnect", () => process.exit(0));
process.channel?.unref();
