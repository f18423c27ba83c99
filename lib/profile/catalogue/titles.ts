/** A key's title for people: the definition's own, or its name taken apart ("allowAirDrop": "Allow AirDrop"). */
import type { KeyDefinition } from "./form.ts";

/** Names that are one word although they have capitals inside. */
const names =
	/[A-Z]?[a-z]+?(?=iBeacon|iCloud|iPhone|iTunes)|AirDrop|AirPlay|AirPrint|App(?=Clips)|eSIM|ESIM|iBeacon|iCloud|iPhone|iTunes|FaceTime|GameCenter|QuickNote|TestFlight|WiFi|XLAT464|[A-Z]+(?=s?[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+/g;
const spelled: Readonly<Record<string, string>> = { GameCenter: "Game Center", WiFi: "Wi-Fi", ESIM: "eSIM" };

export function titleOf({ title, key }: Pick<KeyDefinition, "title" | "key">): string {
	if (title !== undefined) return title;
	const words = (key.match(names) ?? [key]).map((word, index) => {
		if (spelled[word] !== undefined) return spelled[word];
		// Acronyms and brands keep their capitals.
		if (/[A-Z].*[A-Z]/.test(word) || /^i[A-Z]/.test(word)) return word;
		return index === 0 ? word : word.toLowerCase();
	});
	const text = words.join(" ");
	return text.charAt(0).toUpperCase() + text.slice(1);
}
