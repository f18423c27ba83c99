-- CreateSchema
CREATE SCHEMA IF NOT EXISTS "public";

-- CreateTable
CREATE TABLE "Enrollment" (
    "id" TEXT NOT NULL,
    "userId" TEXT NOT NULL,
    "user" TEXT NOT NULL,
    "state" TEXT NOT NULL,
    "createdAt" TIMESTAMP(3) NOT NULL,
    "expiresAt" TIMESTAMP(3) NOT NULL,
    "signerKeyHash" TEXT,
    "udid" TEXT,
    "device" TEXT NOT NULL,
    "attempts" INTEGER NOT NULL,
    "deliveredAt" TIMESTAMP(3),

    CONSTRAINT "Enrollment_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Challenge" (
    "hash" TEXT NOT NULL,
    "purpose" TEXT NOT NULL,
    "enrollmentId" TEXT NOT NULL,
    "createdAt" TIMESTAMP(3) NOT NULL,
    "expiresAt" TIMESTAMP(3) NOT NULL,
    "binding" TEXT,
    "usedAt" TIMESTAMP(3),
    "usedByKey" TEXT,
    "withdrawnAt" TIMESTAMP(3),

    CONSTRAINT "Challenge_pkey" PRIMARY KEY ("hash")
);

-- CreateTable
CREATE TABLE "Certificate" (
    "serialNumber" TEXT NOT NULL,
    "challengeHash" TEXT NOT NULL,
    "publicKeyHash" TEXT NOT NULL,
    "enrollmentId" TEXT NOT NULL,
    "purpose" TEXT NOT NULL,
    "tbs" BYTEA NOT NULL,
    "notBefore" TIMESTAMP(3) NOT NULL,
    "notAfter" TIMESTAMP(3) NOT NULL,
    "createdAt" TIMESTAMP(3) NOT NULL,
    "state" TEXT NOT NULL,
    "der" BYTEA,
    "issuedAt" TIMESTAMP(3),
    "usedAt" TIMESTAMP(3),
    "revokedAt" TIMESTAMP(3),
    "revocationReason" INTEGER,

    CONSTRAINT "Certificate_pkey" PRIMARY KEY ("serialNumber")
);

-- CreateTable
CREATE TABLE "ScepTransaction" (
    "serialNumber" TEXT NOT NULL,
    "transactionID" TEXT NOT NULL,
    "messageType" INTEGER NOT NULL,
    "signerKeyHash" TEXT NOT NULL,
    "csrHash" TEXT NOT NULL,

    CONSTRAINT "ScepTransaction_pkey" PRIMARY KEY ("serialNumber")
);

-- CreateTable
CREATE TABLE "Device" (
    "udid" TEXT NOT NULL,
    "attributes" TEXT NOT NULL,
    "signerKeyHash" TEXT NOT NULL,
    "enrollmentId" TEXT NOT NULL,
    "firstSeenAt" TIMESTAMP(3) NOT NULL,
    "lastSeenAt" TIMESTAMP(3) NOT NULL,

    CONSTRAINT "Device_pkey" PRIMARY KEY ("udid")
);

-- CreateTable
CREATE TABLE "Delivery" (
    "enrollmentId" TEXT NOT NULL,
    "certificateSerialNumber" TEXT NOT NULL,
    "profile" BYTEA NOT NULL,
    "deliveredAt" TIMESTAMP(3) NOT NULL,

    CONSTRAINT "Delivery_pkey" PRIMARY KEY ("enrollmentId")
);

-- CreateTable
CREATE TABLE "AuditEvent" (
    "id" SERIAL NOT NULL,
    "at" TIMESTAMP(3) NOT NULL,
    "event" TEXT NOT NULL,
    "enrollmentId" TEXT,
    "detail" TEXT NOT NULL,

    CONSTRAINT "AuditEvent_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "Enrollment_userId_state_idx" ON "Enrollment"("userId", "state");

-- CreateIndex
CREATE INDEX "Enrollment_udid_idx" ON "Enrollment"("udid");

-- CreateIndex
CREATE INDEX "Challenge_enrollmentId_idx" ON "Challenge"("enrollmentId");

-- CreateIndex
CREATE UNIQUE INDEX "Challenge_spent_key" ON "Challenge"("hash", "usedByKey", "purpose", "enrollmentId");

-- CreateIndex
CREATE UNIQUE INDEX "Certificate_publicKeyHash_key" ON "Certificate"("publicKeyHash");

-- CreateIndex
CREATE INDEX "Certificate_enrollmentId_idx" ON "Certificate"("enrollmentId");

-- CreateIndex
CREATE UNIQUE INDEX "Certificate_challengeHash_publicKeyHash_key" ON "Certificate"("challengeHash", "publicKeyHash");

-- CreateIndex
CREATE INDEX "ScepTransaction_transactionID_signerKeyHash_idx" ON "ScepTransaction"("transactionID", "signerKeyHash");

-- CreateIndex
CREATE INDEX "Device_enrollmentId_idx" ON "Device"("enrollmentId");

-- CreateIndex
CREATE UNIQUE INDEX "Delivery_certificateSerialNumber_key" ON "Delivery"("certificateSerialNumber");

-- CreateIndex
CREATE INDEX "AuditEvent_enrollmentId_idx" ON "AuditEvent"("enrollmentId");

-- AddForeignKey
ALTER TABLE "Challenge" ADD CONSTRAINT "Challenge_enrollmentId_fkey" FOREIGN KEY ("enrollmentId") REFERENCES "Enrollment"("id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "Certificate" ADD CONSTRAINT "Certificate_enrollmentId_fkey" FOREIGN KEY ("enrollmentId") REFERENCES "Enrollment"("id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "Certificate" ADD CONSTRAINT "Certificate_challengeHash_publicKeyHash_purpose_enrollment_fkey" FOREIGN KEY ("challengeHash", "publicKeyHash", "purpose", "enrollmentId") REFERENCES "Challenge"("hash", "usedByKey", "purpose", "enrollmentId") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "ScepTransaction" ADD CONSTRAINT "ScepTransaction_serialNumber_fkey" FOREIGN KEY ("serialNumber") REFERENCES "Certificate"("serialNumber") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "Device" ADD CONSTRAINT "Device_enrollmentId_fkey" FOREIGN KEY ("enrollmentId") REFERENCES "Enrollment"("id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "Delivery" ADD CONSTRAINT "Delivery_enrollmentId_fkey" FOREIGN KEY ("enrollmentId") REFERENCES "Enrollment"("id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "Delivery" ADD CONSTRAINT "Delivery_certificateSerialNumber_fkey" FOREIGN KEY ("certificateSerialNumber") REFERENCES "Certificate"("serialNumber") ON DELETE RESTRICT ON UPDATE RESTRICT;
