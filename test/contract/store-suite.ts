/** The contract of the Store port (lib/ports.ts), to be run against every implementation. */
import { afterAll, beforeAll, beforeEach, describe } from "@jest/globals";
import { approvalContract } from "./store-approval.ts";
import { certificateContract } from "./store-certificate.ts";
import { type OpenedStore, storeContractOn } from "./store-contract.ts";
import { deliveryContract } from "./store-delivery.ts";
import { devicesContract } from "./store-devices.ts";
import { enrollmentContract } from "./store-enrollment.ts";
import { identificationContract } from "./store-identification.ts";
import { machineContract } from "./store-machine.ts";
import { peopleContract } from "./store-people.ts";
import { profilesContract } from "./store-profiles.ts";
import { renewalContract } from "./store-renewal.ts";
import { revocationContract } from "./store-revocation.ts";
import { revocationListContract } from "./store-revocation-list.ts";
import { supersessionContract } from "./store-supersession.ts";

export function storeContract(name: string, open: () => Promise<OpenedStore>): void {
	describe(`Store: ${name}`, () => {
		let opened: OpenedStore;
		let count = 0;
		beforeAll(async () => {
			opened = await open();
		});
		afterAll(() => opened.close());
		beforeEach(() => {
			count += 1;
		});
		const contract = storeContractOn(() => ({ ...opened, id: `e${count}` }));
		enrollmentContract(contract);
		identificationContract(contract);
		certificateContract(contract);
		deliveryContract(contract);
		supersessionContract(contract);
		profilesContract(contract);
		peopleContract(contract);
		devicesContract(contract);
		approvalContract(contract);
		machineContract(contract);
		renewalContract(contract);
		revocationContract(contract);
		revocationListContract(contract);
	});
}
