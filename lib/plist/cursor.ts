/** Where a reader of XML property lists stands in its text, and how many elements it has met. */
import type { OtaError } from "../errors.ts";

export abstract class Cursor {
	protected at = 0;
	protected readonly text: string;
	readonly #mostNodes: number;
	#nodes = 0;

	/** @param mostNodes elements that a document may have; keys count as well */
	constructor(text: string, mostNodes: number) {
		this.text = text;
		this.#mostNodes = mostNodes;
	}

	/** The error for what stands at the cursor. */
	protected abstract fault(what: string): OtaError;

	/** Moves behind what a sticky pattern finds here; null when it finds nothing. */
	protected match(pattern: RegExp): RegExpExecArray | null {
		pattern.lastIndex = this.at;
		const found = pattern.exec(this.text);
		if (found) this.at = pattern.lastIndex;
		return found;
	}

	protected countNode(): void {
		this.#nodes += 1;
		if (this.#nodes > this.#mostNodes) throw this.fault("too many elements");
	}
}
