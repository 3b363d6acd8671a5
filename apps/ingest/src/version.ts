/** The version of this ingest, as it tells it: that of its package. */
export const VERSION = "0.1.0"
