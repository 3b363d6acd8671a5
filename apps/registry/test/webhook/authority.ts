/** A private certificate authority of a test, made by the openssl program in a directory. */
import { execFileSync } from "node:child_process"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { type Certificate } from "./Receiver.ts"

export interface Authority {
  /** Path of its certificate. */
  readonly file: string
  /** Signs a certificate for `IP:127.0.0.1`, `DNS:example.org` or the like, which ends after so many days. */
  certificate(alternativeName: string, days?: number): Certificate
}

const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]

export const makeAuthority = (directory: string, name: string): Authority => {
  const openssl = (...args: ReadonlyArray<string>) => execFileSync("openssl", args, { cwd: directory, stdio: "pipe" })
  openssl("req", "-x509", ...key, "-keyout", `${name}.key`, "-out", `${name}.pem`, "-days", "2", "-subj", `/CN=${name}`)
  let count = 0
  return {
    file: join(directory, `${name}.pem`),
    certificate: (alternativeName, days = 2) => {
      const own = `${name}-${++count}`
      writeFileSync(join(directory, `${own}.ext`), `subjectAltName=${alternativeName}\n`)
      openssl("req", ...key, "-keyout", `${own}.key`, "-out", `${own}.csr`, "-subj", "/CN=receiver")
      const signing = ["-CA", `${name}.pem`, "-CAkey", `${name}.key`, "-CAcreateserial", "-days", String(days)]
      openssl("x509", "-req", "-in", `${own}.csr`, ...signing, "-extfile", `${own}.ext`, "-out", `${own}.pem`)
      return {
        cert: readFileSync(join(directory, `${own}.pem`)),
        key: readFileSync(join(directory, `${own}.key`))
      }
    }
  }
}
