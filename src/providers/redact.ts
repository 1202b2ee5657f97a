/** Removes secrets from the text of a service, before it reaches a log. Pure. */

const REDACTED = '[redacted]'

/** The shapes of credentials, which may be other keys than ours, or ours masked. */
const CREDENTIALS: readonly (readonly [RegExp, string])[] = [
  // OpenAI's keys, also as its 401 quotes them: `sk-proj-****abcd`.
  [/\bsk-[\w.*-]+/gi, REDACTED],
  // Keys of other services, by their prefixes, and JSON web tokens.
  [/(?<![\w-])(?:AIza|AKIA|ASIA|gsk_|hf_|r8_|xai-|pplx-|fw_|nvapi-|eyJ)[\w.-]{12,}/g, REDACTED],
  // A key in the query of a URL.
  [/([?&](?:key|sig|signature|auth)=)[^\s"',;&#]+/gi, `$1${REDACTED}`],
  // Any other masked key. The look-behind keeps a long word from being tried at each letter.
  [/(?<![\w.*-])[\w.*-]*\*{3}[\w.*-]*/g, REDACTED],
  [/\b(bearer|basic)\s+[^\s"',;]+/gi, `$1 ${REDACTED}`],
  [
    /\b(api[-_]?key|access[-_]?token|token|secret|password)(["']?\s*[=:]\s*["']?)[^\s"',;&]+/gi,
    `$1$2${REDACTED}`,
  ],
  // The user and password of a URL.
  [/(:\/\/)[^\s/@]+@/g, `$1${REDACTED}@`],
]

/**
 * A text on one line, at most `length` characters of it, without the secrets and anything that looks like a
 * credential.
 */
export function redact(text: string, secrets: readonly string[], length: number = 300): string {
  let clean = text
  for (const secret of secrets) {
    if (secret !== '') clean = clean.replaceAll(secret, REDACTED)
  }
  for (const [pattern, replacement] of CREDENTIALS) clean = clean.replace(pattern, replacement)
  // Control characters could change a terminal, and a line break could forge a line of the log.
  clean = clean.replace(/[\s\p{Cc}]+/gu, ' ').trim()
  return clean.length > length ? `${clean.slice(0, length - 1)}…` : clean
}

/** Consecutive characters of a secret that must not be shown. */
const PART = 4

/**
 * The plain words of a text that may quote a key in some other way: cut, masked or spelled out. Everything
 * else, and words that share a part with a secret, is left out.
 */
export function plainWords(text: string, secrets: readonly string[]): string {
  return text
    .slice(0, 2000)
    .split(/\s+/)
    .map((word) => (/^[("']?[a-z][a-z']*[)"'.,:;!?]*$/i.test(word) && !isPartOf(secrets, word) ? word : '…'))
    .join(' ')
    .replace(/…(?: …)+/g, '…')
}

function isPartOf(secrets: readonly string[], word: string): boolean {
  const letters = word.replace(/[^a-z]/gi, '')
  for (let at = 0; at + PART <= letters.length; at++) {
    if (secrets.some((secret) => secret.includes(letters.slice(at, at + PART)))) return true
  }
  return false
}
