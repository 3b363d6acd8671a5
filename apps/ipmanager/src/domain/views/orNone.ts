/** What the API says with an empty text: nothing. */
export const orNone = (text: string): string | undefined => (text === "" ? undefined : text)
