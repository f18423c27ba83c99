/*
 * What the token does when a C program asks it: RSA or EC signatures or raw RSA decryptions per second, one session a thread.
 * token MODULE PIN-FILE TOKEN-LABEL KEY-LABEL sign|unwrap|ecdsa INPUT-HEX THREADS MILLISECONDS
 * prints the operations done, their wall clock and processor time in milliseconds, and the last output in hex.
 * PKCS#11 2.40; the few declarations it needs are written out, so that no header is.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

typedef unsigned long number;
typedef struct { number type; void *value; number length; } attribute;
typedef struct { number type; void *parameter; number length; } mechanism;
typedef struct { void *create, *destroy, *lock, *unlock; number flags; void *reserved; } initialization;
/* CK_FUNCTION_LIST: a version, then pointers in the order of the standard's appendix. */
typedef struct { unsigned char version[2]; number (*at[68])(); } functions;
enum {
	INITIALIZE = 0, GET_SLOT_LIST = 4, GET_TOKEN_INFO = 6, OPEN_SESSION = 12, LOGIN = 18, FIND_INIT = 26, FIND = 27,
	FIND_FINAL = 28, DECRYPT_INIT = 33, DECRYPT = 34, SIGN_INIT = 42, SIGN = 43
};

static functions *token;
static number slot;
static const char *key_label;
static int signs;
static number how_to; /* CKM_RSA_PKCS, CKM_RSA_X_509, CKM_ECDSA */
static unsigned char input[1024];
static number input_length;
static double duration;

typedef struct { number session, key, count, length; unsigned char output[1024]; } worker;

static void must(number result, const char *what) {
	if (result == 0) return;
	fprintf(stderr, "%s: 0x%lx\n", what, result);
	exit(1);
}

static double now(void) {
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1e3 + time.tv_nsec / 1e6;
}

static double processor(void) {
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e3 + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e3;
}

static void open_session(worker *one, const char *pin) {
	number found = 0, private_key = 3; /* CKO_PRIVATE_KEY */
	attribute wanted[2] = {{0, &private_key, sizeof private_key}, {3, (void *)key_label, strlen(key_label)}};
	must(token->at[OPEN_SESSION](slot, 4ul, NULL, NULL, &one->session), "C_OpenSession");
	if (pin) must(token->at[LOGIN](one->session, 1ul, pin, (number)strlen(pin)), "C_Login");
	must(token->at[FIND_INIT](one->session, wanted, 2ul), "C_FindObjectsInit");
	must(token->at[FIND](one->session, &one->key, 1ul, &found), "C_FindObjects");
	must(token->at[FIND_FINAL](one->session), "C_FindObjectsFinal");
	must(found == 1 ? 0 : 1, "no such key");
}

static void *work(void *argument) {
	worker *one = argument;
	mechanism how = {how_to, NULL, 0};
	double end = now() + duration;
	while (now() < end) {
		one->length = sizeof one->output;
		must(token->at[signs ? SIGN_INIT : DECRYPT_INIT](one->session, &how, one->key), "init");
		must(token->at[signs ? SIGN : DECRYPT](one->session, input, input_length, one->output, &one->length), "operation");
		one->count++;
	}
	return NULL;
}

static void find_slot(const char *label) {
	number slots[64], count = 64;
	must(token->at[GET_SLOT_LIST](1ul, slots, &count), "C_GetSlotList");
	for (number index = 0; index < count; index++) {
		unsigned char info[1024] = {0};
		must(token->at[GET_TOKEN_INFO](slots[index], info), "C_GetTokenInfo");
		if (memcmp(info, label, strlen(label)) == 0 && (strlen(label) == 32 || info[strlen(label)] == ' ')) {
			slot = slots[index];
			return;
		}
	}
	must(1, "no such token");
}

int main(int count, char **arguments) {
	must(count == 9 ? 0 : 1, "usage");
	void *library = dlopen(arguments[1], RTLD_NOW);
	must(library ? 0 : 1, arguments[1]);
	number (*list)(functions **) = (number (*)(functions **))dlsym(library, "C_GetFunctionList");
	must(list(&token), "C_GetFunctionList");
	char pin[256] = {0};
	FILE *file = fopen(arguments[2], "r");
	must(file && fgets(pin, sizeof pin, file) ? 0 : 1, "no PIN");
	pin[strcspn(pin, "\r\n")] = 0;
	key_label = arguments[4];
	signs = strcmp(arguments[5], "unwrap") != 0;
	how_to = strcmp(arguments[5], "ecdsa") == 0 ? 0x1041ul : signs ? 1ul : 3ul;
	for (const char *hex = arguments[6]; hex[0] && hex[1]; hex += 2) sscanf(hex, "%2hhx", &input[input_length++]);
	int threads = atoi(arguments[7]);
	duration = atof(arguments[8]);

	initialization locking = {.flags = 2}; /* CKF_OS_LOCKING_OK */
	must(token->at[INITIALIZE](&locking), "C_Initialize");
	find_slot(arguments[3]);
	static worker workers[64];
	for (int index = 0; index < threads; index++) open_session(&workers[index], index == 0 ? pin : NULL);
	double measured = duration;
	duration = measured / 10;
	work(&workers[0]);
	workers[0].count = 0;
	duration = measured;

	pthread_t handles[64];
	double wall = now(), cpu = processor();
	number done = 0;
	for (int index = 0; index < threads; index++) pthread_create(&handles[index], NULL, work, &workers[index]);
	for (int index = 0; index < threads; index++) {
		pthread_join(handles[index], NULL);
		done += workers[index].count;
	}
	printf("%lu %f %f ", done, now() - wall, processor() - cpu);
	for (number index = 0; index < workers[0].length; index++) printf("%02x", workers[0].output[index]);
	printf("\n");
	return 0;
}
