/** The door of the store room: every implementation of the Store port. */
export { MemoryStore, memoryStore } from "./memory.ts";
