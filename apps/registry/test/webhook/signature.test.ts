import { createHmac, timingSafeEqual } from "node:crypto"
import { readFileSync } from "node:fs"
import { assert, describe, it } from "vitest"
import { signatureOf } from "../../src/webhook/signature.ts"

const docs = readFileSync(new URL("../../../../docs/webhook.md", import.meta.url), "utf8")
const secret = "a secret of many characters"
const body = JSON.stringify({ type: "system.discovered", name: "nas ü" })

/** The receiver's part as docs/webhook.md gives it. */
const documented = () => {
  const [, code = ""] = /```js\n(import [\s\S]*?)```/u.exec(docs) ?? []
  const functionText = code.slice(code.indexOf("function")).trim()
  const verify: unknown = new Function("createHmac", "timingSafeEqual", `return ${functionText}`)(
    createHmac,
    timingSafeEqual
  )
  if (typeof verify !== "function") throw new Error("docs/webhook.md has no function")
  return (header: string, id: string, text: string) =>
    Boolean(Reflect.apply(verify, undefined, [secret, header, id, text]))
}

describe("the signature of a fact", () => {
  it("is what anybody with the secret computes", () => {
    assert.strictEqual(
      signatureOf("key", 1_700_000_000, "outbox-1", Buffer.from("{}")),
      // printf '1700000000.outbox-1.{}' | openssl dgst -sha256 -hmac key
      "t=1700000000,v1=61bbe14d41d15ac273520de68813044c2c905e4547564b265dedfe1222f7333c"
    )
  })

  it("is believed by the receiver of the documentation, and nothing that differs from it is", () => {
    const verify = documented()
    const now = Math.floor(Date.now() / 1_000)
    const good = signatureOf(secret, now, "outbox-7", Buffer.from(body))
    assert.isTrue(verify(good, "outbox-7", body))
    assert.isFalse(verify(good, "outbox-8", body))
    assert.isFalse(verify(good, "outbox-7", `${body} `))
    assert.isFalse(verify(good.replace(`t=${now}`, `t=${now + 1}`), "outbox-7", body))
    assert.isFalse(verify(signatureOf("another secret", now, "outbox-7", Buffer.from(body)), "outbox-7", body))
    assert.isFalse(verify(signatureOf(secret, now - 3_600, "outbox-7", Buffer.from(body)), "outbox-7", body))
    assert.isFalse(verify("", "outbox-7", body))
    assert.isFalse(verify(`t=${now},v1=00`, "outbox-7", body))
  })
})
