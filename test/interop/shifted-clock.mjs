/**
 * For `node --import`: a process whose clock is OTA_TEST_CLOCK_SHIFT milliseconds from the machine's. So a server issues
 * certificates that are old, and what clients of today renew, without a client that has to be lied to.
 */
const shift = Number(process.env.OTA_TEST_CLOCK_SHIFT ?? 0);
const Genuine = Date;
const now = () => Genuine.now() + shift;

globalThis.Date = new Proxy(Genuine, {
	construct: (target, args, newTarget) => Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget),
	get: (target, name) => (name === "now" ? now : Reflect.get(target, name)),
});
