/** The types of `setup.mjs`. */
export declare function ensurePackages(
  machine?: { readonly path?: string; readonly uid?: number; readonly osRelease?: string }
): { readonly missing: ReadonlyArray<string> }
