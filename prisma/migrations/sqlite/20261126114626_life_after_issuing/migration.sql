-- Approvals, blocks and revocation lists; certificates know their issuer, what they renew and which of its key's they are.
-- SQLite would apply one statement after the other: all or none of them.
BEGIN IMMEDIATE;

-- AlterTable
ALTER TABLE "Enrollment" ADD COLUMN "deviceSerial" TEXT;
ALTER TABLE "Enrollment" ADD COLUMN "userEmail" TEXT;

-- AlterTable (Prisma would copy the whole table; nothing here needs that)
ALTER TABLE "Certificate" ADD COLUMN "keyGeneration" INTEGER NOT NULL DEFAULT 0;
ALTER TABLE "Certificate" ADD COLUMN "issuerKeyHash" TEXT NOT NULL DEFAULT '';
ALTER TABLE "Certificate" ADD COLUMN "renews" TEXT;

-- DropIndex
DROP INDEX "Certificate_publicKeyHash_key";

-- CreateTable
CREATE TABLE "Approval" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "challengeHash" TEXT NOT NULL,
    "publicKeyHash" TEXT NOT NULL,
    "purpose" TEXT NOT NULL,
    "enrollmentId" TEXT NOT NULL,
    "publicKeyInfo" BLOB NOT NULL,
    "subject" TEXT NOT NULL,
    "subjectAltName" TEXT NOT NULL,
    "transactionID" TEXT NOT NULL,
    "messageType" INTEGER NOT NULL,
    "signerKeyHash" TEXT NOT NULL,
    "csrHash" TEXT NOT NULL,
    "cipher" TEXT NOT NULL,
    "state" TEXT NOT NULL,
    "createdAt" DATETIME NOT NULL,
    "expiresAt" DATETIME NOT NULL,
    "decidedAt" DATETIME,
    "decidedBy" TEXT,
    CONSTRAINT "Approval_enrollmentId_fkey" FOREIGN KEY ("enrollmentId") REFERENCES "Enrollment" ("id") ON DELETE RESTRICT ON UPDATE RESTRICT,
    CONSTRAINT "Approval_challengeHash_publicKeyHash_purpose_enrollmentId_fkey" FOREIGN KEY ("challengeHash", "publicKeyHash", "purpose", "enrollmentId") REFERENCES "Challenge" ("hash", "usedByKey", "purpose", "enrollmentId") ON DELETE RESTRICT ON UPDATE RESTRICT
);

-- CreateTable
CREATE TABLE "Block" (
    "kind" TEXT NOT NULL,
    "value" TEXT NOT NULL,
    "createdAt" DATETIME NOT NULL,
    "reason" INTEGER NOT NULL,
    "by" TEXT NOT NULL,

    PRIMARY KEY ("kind", "value")
);

-- CreateTable
CREATE TABLE "RevocationList" (
    "issuerKeyHash" TEXT NOT NULL PRIMARY KEY,
    "number" BIGINT NOT NULL,
    "thisUpdate" DATETIME NOT NULL,
    "nextUpdate" DATETIME NOT NULL,
    "count" INTEGER NOT NULL,
    "latest" DATETIME,
    "der" BLOB NOT NULL
);

-- CreateIndex
CREATE INDEX "Approval_transactionID_signerKeyHash_idx" ON "Approval"("transactionID", "signerKeyHash");

-- CreateIndex
CREATE INDEX "Approval_state_createdAt_idx" ON "Approval"("state", "createdAt");

-- CreateIndex
CREATE INDEX "Approval_enrollmentId_idx" ON "Approval"("enrollmentId");

-- CreateIndex
CREATE UNIQUE INDEX "Approval_challengeHash_publicKeyHash_key" ON "Approval"("challengeHash", "publicKeyHash");

-- CreateIndex
CREATE INDEX "Enrollment_userEmail_idx" ON "Enrollment"("userEmail");

-- CreateIndex
CREATE INDEX "Enrollment_deviceSerial_idx" ON "Enrollment"("deviceSerial");

-- CreateIndex
CREATE INDEX "Certificate_issuerKeyHash_revokedAt_idx" ON "Certificate"("issuerKeyHash", "revokedAt");

-- CreateIndex
CREATE UNIQUE INDEX "Certificate_publicKeyHash_keyGeneration_key" ON "Certificate"("publicKeyHash", "keyGeneration");

-- CreateIndex
CREATE INDEX "Certificate_issuedAt_revokedAt_idx" ON "Certificate"("issuedAt", "revokedAt");

-- Enrollments of before
UPDATE "Enrollment" SET
    "deviceSerial" = NULLIF(json_extract("device", '$.SERIAL'), ''),
    "userEmail" = NULLIF(lower(json_extract("user", '$.email')), '');

-- Serial numbers that were abandoned are on the revocation list from now on.
UPDATE "Certificate" SET "revokedAt" = "createdAt" WHERE "state" = 'abandoned' AND "revokedAt" IS NULL;

COMMIT;
