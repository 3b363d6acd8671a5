/** The version that `ipmanager --version` tells. */
export const version = "0.1.0"
