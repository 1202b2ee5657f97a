/** Takes secrets out of text that somebody else wrote, before it reaches a log. Pure. */

const REDACTED = '[redacted]'

/** Shapes a credential has even when it is not the one we sent: another key, or ours, masked. */
const CREDENTIALS: readonly (readonly [RegExp, string])[] = [
  // OpenAI's own keys, also as its 401 echoes them: `sk-proj-****abcd`.
  [/\bsk-[\w.*-]+/gi, REDACTED],
  // Those of other services, by the prefixes that they give them; and JSON web tokens.
  [/(?<![\w-])(?:AIza|AKIA|ASIA|gsk_|hf_|r8_|xai-|pplx-|fw_|nvapi-|eyJ)[\w.-]{12,}/g, REDACTED],
  // In the query of a URL, where some services take a key under this name.
  [/([?&](?:key|sig|signature|auth)=)[^\s"',;&#]+/gi, `$1${REDACTED}`],
  // Any other key as a server masks it. The look-behind keeps a long word from being tried at each letter.
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
 * The text on one line, at most `length` characters of it, without the secrets and without
 * anything that looks like a credential.
 */
export function redact(text: string, secrets: readonly string[], length: number = 300): string {
  let clean = text
  for (const secret of secrets) {
    if (secret !== '') clean = clean.replaceAll(secret, REDACTED)
  }
  for (const [pattern, replacement] of CREDENTIALS) clean = clean.replace(pattern, replacement)
  // Control characters are for terminals, and a line break would forge a second line of log.
  clean = clean.replace(/[\s\p{Cc}]+/gu, ' ').trim()
  return clean.length > length ? `${clean.slice(0, length - 1)}…` : clean
}

/** Of a secret, so many characters in a row are a part that is not to be seen. */
const PART = 4

/**
 * The plain words of a text that may quote a key in a way of its own, cut, masked or spelled out; what is
 * no word, or shares a part with a secret, is left out.
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
