/**
 * Fernet tokens, as Python's `cryptography` makes them and channels_redis uses them. A key is the SHA-256 of
 * a secret: its first half signs (HMAC-SHA256), its second half encrypts (AES-128-CBC).
 * https://github.com/fernet/spec/blob/master/Spec.md
 */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto'

const VERSION = 0x80
/** Bytes before the text: version, time and initialisation vector. */
const HEADER = 1 + 8 + 16
/** Bytes after the text. */
const SIGNATURE = 32
const BLOCK = 16
/** How many seconds ahead of this clock a token's time may be; Fernet's own number. */
const MAX_SKEW = 60

interface Key {
  readonly sign: Buffer
  readonly encrypt: Buffer
}

export class Fernet {
  readonly #keys: readonly [Key, ...Key[]]
  readonly #lifetime: number | undefined
  readonly #now: () => number

  /**
   * @param secrets the first encrypts, all decrypt, so that a new one can be added before the old is removed.
   * @param lifetime seconds after which a token is refused. Undefined for no limit.
   * @param now seconds since 1970.
   */
  constructor(
    secrets: readonly (string | Uint8Array)[],
    lifetime: number | undefined,
    now: () => number = () => Date.now() / 1000,
  ) {
    const [first, ...others] = secrets.map(keyOf)
    if (!first) throw new RangeError('encryptionKeys must not be empty')
    this.#keys = [first, ...others]
    this.#lifetime = lifetime
    this.#now = now
  }

  encrypt(text: Uint8Array): string {
    const [key] = this.#keys
    const header = Buffer.alloc(HEADER)
    header.writeUInt8(VERSION)
    header.writeBigUInt64BE(BigInt(Math.floor(this.#now())), 1)
    const vector = randomBytes(16)
    vector.copy(header, 9)
    const cipher = createCipheriv('aes-128-cbc', key.encrypt, vector)
    const signed = Buffer.concat([header, cipher.update(text), cipher.final()])
    const token = Buffer.concat([signed, signatureOf(key, signed)]).toString('base64')
    // Python needs the url-safe alphabet with padding. Node's base64url has no padding.
    return token.replaceAll('+', '-').replaceAll('/', '_')
  }

  /** @throws {Error} for a token that none of the keys signed, or that is too old. */
  decrypt(token: string): Buffer {
    const bytes = Buffer.from(token, 'base64url')
    const textLength = bytes.length - HEADER - SIGNATURE
    if (textLength < BLOCK || textLength % BLOCK !== 0 || bytes[0] !== VERSION) {
      throw new Error('it is not encrypted')
    }
    const signed = bytes.subarray(0, -SIGNATURE)
    const signature = bytes.subarray(-SIGNATURE)
    const key = this.#keys.find((candidate) => timingSafeEqual(signatureOf(candidate, signed), signature))
    if (!key) throw new Error('it is encrypted with another key')
    const age = this.#now() - Number(bytes.readBigUInt64BE(1))
    if (this.#lifetime !== undefined && (age > this.#lifetime || age < -MAX_SKEW)) {
      throw new Error('its token is too old, or from the future')
    }
    const decipher = createDecipheriv('aes-128-cbc', key.encrypt, bytes.subarray(9, HEADER))
    return Buffer.concat([decipher.update(signed.subarray(HEADER)), decipher.final()])
  }
}

function keyOf(secret: string | Uint8Array): Key {
  if (secret.length === 0) throw new RangeError('An encryption key must not be empty')
  const digest = createHash('sha256').update(secret).digest()
  return { sign: digest.subarray(0, 16), encrypt: digest.subarray(16) }
}

function signatureOf(key: Key, signed: Uint8Array): Buffer {
  return createHmac('sha256', key.sign).update(signed).digest()
}
