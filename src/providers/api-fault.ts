/**
 * Finds the error in an answer of a service. Services differ in its shape: nested or flat, in a choice, in a
 * list, with the status as its code, as a number or as text. Pure.
 */

/** An error of the API: the body of an HTTP error, an `error` event, or a failed response. */
export interface ApiFault {
  /** The HTTP status. */
  readonly status?: number | undefined
  readonly code?: unknown
  readonly type?: unknown
  readonly param?: unknown
  readonly message?: unknown
  readonly requestId?: unknown
}

type Fields = Readonly<Record<string, unknown>>

/** The error in a value, or undefined. */
export function faultIn(value: unknown): ApiFault | undefined {
  if (Array.isArray(value)) return faultIn(value[0])
  if (!isFields(value)) return undefined
  if (isFields(value.error) && Object.keys(value.error).length > 0) return faultOf(value.error)
  if (typeof value.error === 'string' && value.error !== '') {
    return { ...faultOf(value), message: text(value.message) || value.error }
  }
  if (Array.isArray(value.choices)) return faultOfChoices(value.choices)
  const isError = value.object === 'error' || value.type === 'error' || value.error === true
  const saysWhy = [value.message, value.detail, value.msg].some((said) => text(said) !== '')
  return isError || (saysWhy && statusIn(value) !== undefined) ? faultOf(value) : undefined
}

/** The error in a value that is known to be one. */
export function faultOf(error: unknown): ApiFault {
  if (Array.isArray(error)) return faultOf(error[0])
  if (!isFields(error)) return { message: text(error) }
  if (isFields(error.error)) return faultOf(error.error)
  const { code, type, param, metadata } = error
  // The message that an aggregator got from the service behind it.
  const raw = isFields(metadata) ? text(metadata.raw) : ''
  const said = text(error.message) || detailOf(error.detail) || text(error.msg) || text(error.error)
  return {
    code: code ?? error.status ?? error.status_code,
    type: error.object === 'error' || type !== 'error' ? type : undefined,
    param,
    message: [said, raw].filter((part) => part !== '').join(': '),
    requestId: error.request_id ?? error.requestId,
  }
}

/** The HTTP status that a service gives as its code. */
export function statusOf(code: unknown): number | undefined {
  const status = typeof code === 'string' && /^\d{3}$/.test(code) ? Number(code) : code
  return typeof status === 'number' && status >= 400 && status <= 599 ? status : undefined
}

function statusIn(value: Fields): number | undefined {
  return statusOf(value.code) ?? statusOf(value.status) ?? statusOf(value.status_code)
}

function faultOfChoices(choices: readonly unknown[]): ApiFault | undefined {
  for (const choice of choices) {
    if (isFields(choice) && isFields(choice.error)) return faultOf(choice.error)
  }
  return undefined
}

/** A detail as text, or as the list of faults that FastAPI sends, and with it vLLM and many proxies. */
function detailOf(detail: unknown): string {
  if (!Array.isArray(detail)) return text(detail)
  const faults = detail.slice(0, 5).map((fault: unknown) => {
    if (!isFields(fault)) return text(fault)
    const where = Array.isArray(fault.loc)
      ? fault.loc.filter((part) => typeof part !== 'object').join('.')
      : ''
    return [where, text(fault.msg)].filter((part) => part !== '').join(': ')
  })
  return faults.filter((fault) => fault !== '').join('; ')
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
