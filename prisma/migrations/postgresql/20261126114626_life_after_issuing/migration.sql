-- Approvals, blocks and revocation lists; certificates know their issuer, what they renew and which of its key's they are.
-- DropIndex
DROP INDEX "Certificate_publicKeyHash_key";

-- AlterTable
ALTER TABLE "Certificate" ADD COLUMN     "issuerKeyHash" TEXT NOT NULL DEFAULT '',
ADD COLUMN     "keyGeneration" INTEGER NOT NULL DEFAULT 0,
ADD COLUMN     "renews" TEXT;

-- AlterTable
ALTER TABLE "Enrollment" ADD COLUMN     "deviceSerial" TEXT,
ADD COLUMN     "userEmail" TEXT;

-- CreateTable
CREATE TABLE "Approval" (
    "id" TEXT NOT NULL,
    "challengeHash" TEXT NOT NULL,
    "publicKeyHash" TEXT NOT NULL,
    "purpose" TEXT NOT NULL,
    "enrollmentId" TEXT NOT NULL,
    "publicKeyInfo" BYTEA NOT NULL,
    "subject" TEXT NOT NULL,
    "subjectAltName" TEXT NOT NULL,
    "transactionID" TEXT NOT NULL,
    "messageType" INTEGER NOT NULL,
    "signerKeyHash" TEXT NOT NULL,
    "csrHash" TEXT NOT NULL,
    "cipher" TEXT NOT NULL,
    "state" TEXT NOT NULL,
    "createdAt" TIMESTAMP(3) NOT NULL,
    "expiresAt" TIMESTAMP(3) NOT NULL,
    "decidedAt" TIMESTAMP(3),
    "decidedBy" TEXT,

    CONSTRAINT "Approval_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Block" (
    "kind" TEXT NOT NULL,
    "value" TEXT NOT NULL,
    "createdAt" TIMESTAMP(3) NOT NULL,
    "reason" INTEGER NOT NULL,
    "by" TEXT NOT NULL,

    CONSTRAINT "Block_pkey" PRIMARY KEY ("kind","value")
);

-- CreateTable
CREATE TABLE "RevocationList" (
    "issuerKeyHash" TEXT NOT NULL,
    "number" BIGINT NOT NULL,
    "thisUpdate" TIMESTAMP(3) NOT NULL,
    "nextUpdate" TIMESTAMP(3) NOT NULL,
    "count" INTEGER NOT NULL,
    "latest" TIMESTAMP(3),
    "der" BYTEA NOT NULL,

    CONSTRAINT "RevocationList_pkey" PRIMARY KEY ("issuerKeyHash")
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
CREATE INDEX "Certificate_issuerKeyHash_revokedAt_idx" ON "Certificate"("issuerKeyHash", "revokedAt");

-- CreateIndex
CREATE UNIQUE INDEX "Certificate_publicKeyHash_keyGeneration_key" ON "Certificate"("publicKeyHash", "keyGeneration");

-- CreateIndex
CREATE INDEX "Enrollment_userEmail_idx" ON "Enrollment"("userEmail");

-- CreateIndex
CREATE INDEX "Enrollment_deviceSerial_idx" ON "Enrollment"("deviceSerial");

-- AddForeignKey
ALTER TABLE "Approval" ADD CONSTRAINT "Approval_enrollmentId_fkey" FOREIGN KEY ("enrollmentId") REFERENCES "Enrollment"("id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "Approval" ADD CONSTRAINT "Approval_challengeHash_publicKeyHash_purpose_enrollmentId_fkey" FOREIGN KEY ("challengeHash", "publicKeyHash", "purpose", "enrollmentId") REFERENCES "Challenge"("hash", "usedByKey", "purpose", "enrollmentId") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- CreateIndex
CREATE INDEX "Certificate_issuedAt_revokedAt_idx" ON "Certificate"("issuedAt", "revokedAt");

-- Enrollments of before. PostgreSQL cannot read every string that JSON may hold (a NUL, half a surrogate pair).
CREATE FUNCTION pg_temp."member"("object" TEXT, "name" TEXT) RETURNS TEXT LANGUAGE plpgsql AS $$
BEGIN
    RETURN NULLIF("object"::json ->> "name", '');
EXCEPTION WHEN data_exception THEN
    RETURN NULL;
END;
$$;
UPDATE "Enrollment" SET
    "deviceSerial" = pg_temp."member"("device", 'SERIAL'),
    "userEmail" = lower(pg_temp."member"("user", 'email'));

-- Serial numbers that were abandoned are on the revocation list from now on.
UPDATE "Certificate" SET "revokedAt" = "createdAt" WHERE "state" = 'abandoned' AND "revokedAt" IS NULL;
