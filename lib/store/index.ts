/** The door of the store room: every implementation of the Store port. */
export type { PrismaLike } from "./client.ts";
export { MemoryStore, memoryStore } from "./memory.ts";
export { prismaStore } from "./prisma.ts";
export { queued } from "./queue.ts";
