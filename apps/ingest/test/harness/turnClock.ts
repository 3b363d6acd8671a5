/** Loaded into a daemon before its program: from SIGUSR2 on, its wall clock runs backwards. */
const now = Date.now

process.once("SIGUSR2", () => {
  const turned = now()
  Date.now = () => 2 * turned - now()
})
