/**
 * A certificate for this machine, made by the test that uses it: X.509 version 3 (RFC 5280), signed by its
 * own key on P-256. Node reads certificates and makes none.
 */
import { Buffer } from 'node:buffer'
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto'

export interface Certificate {
  /** Both as PEM. */
  readonly cert: string
  readonly key: string
}

const DAY_MS = 86_400_000

/** For `localhost` and 127.0.0.1, from yesterday until tomorrow. */
export function selfSignedCertificate(): Certificate {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const algorithm = sequence(ECDSA_WITH_SHA256)
  const name = sequence(set(sequence(COMMON_NAME, utf8('localhost'))))
  const alternatives = sequence(der(0x82, Buffer.from('localhost')), der(0x87, Buffer.from([127, 0, 0, 1])))
  const extensions = sequence(
    sequence(SUBJECT_ALT_NAME, octets(alternatives)),
    sequence(BASIC_CONSTRAINTS, TRUE, octets(sequence(TRUE))),
  )
  const content = sequence(
    der(0xa0, integer(Buffer.from([2]))),
    integer(Buffer.concat([Buffer.from([1]), randomBytes(15)])),
    algorithm,
    name,
    sequence(time(Date.now() - DAY_MS), time(Date.now() + DAY_MS)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, extensions),
  )
  const signature = sign('sha256', content, privateKey)
  const whole = sequence(content, algorithm, der(0x03, Buffer.concat([Buffer.from([0]), signature])))
  const lines = whole.toString('base64').replace(/.{64}/g, '$&\n')
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
  }
}

/** One value in DER (X.690): its tag, its length, its content. */
function der(tag: number, content: Buffer): Buffer {
  const { length } = content
  const long = length > 255 ? [0x82, length >> 8, length & 255] : [0x81, length]
  return Buffer.concat([Buffer.from([tag, ...(length < 128 ? [length] : long)]), content])
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return der(0x30, Buffer.concat(parts))
}

function set(part: Buffer): Buffer {
  return der(0x31, part)
}

function integer(bytes: Buffer): Buffer {
  return der(0x02, bytes)
}

function octets(content: Buffer): Buffer {
  return der(0x04, content)
}

function utf8(text: string): Buffer {
  return der(0x0c, Buffer.from(text))
}

/** GeneralizedTime, to the second. */
function time(milliseconds: number): Buffer {
  const text = new Date(milliseconds).toISOString().replaceAll(/[-:T]|\..*/g, '')
  return der(0x18, Buffer.from(`${text}Z`))
}

const TRUE = der(0x01, Buffer.from([0xff]))
const ECDSA_WITH_SHA256 = der(0x06, Buffer.from('2a8648ce3d040302', 'hex'))
const COMMON_NAME = der(0x06, Buffer.from('550403', 'hex'))
const SUBJECT_ALT_NAME = der(0x06, Buffer.from('551d11', 'hex'))
const BASIC_CONSTRAINTS = der(0x06, Buffer.from('551d13', 'hex'))
