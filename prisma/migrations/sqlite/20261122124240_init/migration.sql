-- CreateTable
CREATE TABLE "Enrollment" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "userId" TEXT NOT NULL,
    "user" TEXT NOT NULL,
    "state" TEXT NOT NULL,
    "createdAt" DATETIME NOT NULL,
    "expiresAt" DATETIME NOT NULL,
    "signerKeyHash" TEXT,
    "udid" TEXT,
    "device" TEXT NOT NULL,
    "attempts" INTEGER NOT NULL,
    "deliveredAt" DATETIME
);

-- CreateTable
CREATE TABLE "Challenge" (
    "hash" TEXT NOT NULL PRIMARY KEY,
    "purpose" TEXT NOT NULL,
    "enrollmentId" TEXT NOT NULL,
    "createdAt" DATETIME NOT NULL,
    "expiresAt" DATETIME NOT NULL,
    "binding" TEXT,
    "usedAt" DATETIME,
    "usedByKey" TEXT,
    "withdrawnAt" DATETIME,
    CONSTRAINT "Challenge_enrollmentId_fkey" FOREIGN KEY ("enrollmentId") REFERENCES "Enrollment" ("id") ON DELETE RESTRICT ON UPDATE RESTRICT
);

-- CreateTable
CREATE TABLE "Certificate" (
    "serialNumber" TEXT NOT NULL PRIMARY KEY,
    "challengeHash" TEXT NOT NULL,
    "publicKeyHash" TEXT NOT NULL,
    "enrollmentId" TEXT NOT NULL,
    "purpose" TEXT NOT NULL,
    "tbs" BLOB NOT NULL,
    "notBefore" DATETIME NOT NULL,
    "notAfter" DATETIME NOT NULL,
    "createdAt" DATETIME NOT NULL,
    "state" TEXT NOT NULL,
    "der" BLOB,
    "issuedAt" DATETIME,
    "usedAt" DATETIME,
    "revokedAt" DATETIME,
    "revocationReason" INTEGER,
    CONSTRAINT "Certificate_enrollmentId_fkey" FOREIGN KEY ("enrollmentId") REFERENCES "Enrollment" ("id") ON DELETE RESTRICT ON UPDATE RESTRICT,
    CONSTRAINT "Certificate_challengeHash_publicKeyHash_purpose_enrollmentId_fkey" FOREIGN KEY ("challengeHash", "publicKeyHash", "purpose", "enrollmentId") REFERENCES "Challenge" ("hash", "usedByKey", "purpose", "enrollmentId") ON DELETE RESTRICT ON UPDATE RESTRICT
);

-- CreateTable
CREATE TABLE "ScepTransaction" (
    "serialNumber" TEXT NOT NULL PRIMARY KEY,
    "transactionID" TEXT NOT NULL,
    "messageType" INTEGER NOT NULL,
    "signerKeyHash" TEXT NOT NULL,
    "csrHash" TEXT NOT NULL,
    CONSTRAINT "ScepTransaction_serialNumber_fkey" FOREIGN KEY ("serialNumber") REFERENCES "Certificate" ("serialNumber") ON DELETE RESTRICT ON UPDATE RESTRICT
);

-- CreateTable
CREATE TABLE "Device" (
    "udid" TEXT NOT NULL PRIMARY KEY,
    "attributes" TEXT NOT NULL,
    "signerKeyHash" TEXT NOT NULL,
    "enrollmentId" TEXT NOT NULL,
    "firstSeenAt" DATETIME NOT NULL,
    "lastSeenAt" DATETIME NOT NULL,
    CONSTRAINT "Device_enrollmentId_fkey" FOREIGN KEY ("enrollmentId") REFERENCES "Enrollment" ("id") ON DELETE RESTRICT ON UPDATE RESTRICT
);

-- CreateTable
CREATE TABLE "Delivery" (
    "enrollmentId" TEXT NOT NULL PRIMARY KEY,
    "certificateSerialNumber" TEXT NOT NULL,
    "profile" BLOB NOT NULL,
    "deliveredAt" DATETIME NOT NULL,
    CONSTRAINT "Delivery_enrollmentId_fkey" FOREIGN KEY ("enrollmentId") REFERENCES "Enrollment" ("id") ON DELETE RESTRICT ON UPDATE RESTRICT,
    CONSTRAINT "Delivery_certificateSerialNumber_fkey" FOREIGN KEY ("certificateSerialNumber") REFERENCES "Certificate" ("serialNumber") ON DELETE RESTRICT ON UPDATE RESTRICT
);

-- CreateTable
CREATE TABLE "AuditEvent" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "at" DATETIME NOT NULL,
    "event" TEXT NOT NULL,
    "enrollmentId" TEXT,
    "detail" TEXT NOT NULL
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
