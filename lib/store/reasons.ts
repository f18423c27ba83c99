/** The CRLReason that the store itself gives (RFC 5280 section 5.3.1). */

/** A later certificate takes the place of this one. */
export const superseded = 4;
