// The numbers of an SDK that counts its errors from 10000, for whoever comes from it and has dashboards by them.

const SERVER = 10003
const INTERNAL = 10000

const CODES: Record<number, readonly string[]> = {
  10002: ['NOTIFICATION_NOT_FOUND'],
  [SERVER]: ['ANSWER_INVALID', 'TEMPORARILY_UNAVAILABLE', 'TOO_MANY_ATTEMPTS'],
  10004: ['UNREACHABLE', 'SILENT'],
  10005: [
    'PAIRING_KEY_INVALID',
    'PAIRING_KEY_MALFORMED',
    'PAIRING_LINK_INVALID',
    'ENROLLMENT_NOT_FOUND',
    'ENROLLMENT_GONE',
  ],
  10006: ['AUDIENCE_MISMATCH'],
  10007: ['ISSUER_MISMATCH'],
  10008: ['DEVICE_UNKNOWN'],
  10009: ['EXPIRED'],
  10012: ['METHOD_LIMIT_REACHED', 'DEVICE_BLOCKED'],
  10017: ['ID_TOKEN_INVALID', 'ID_TOKEN_UNTRUSTED', 'ID_TOKEN_EXPIRED', 'ID_TOKEN_NOT_YET_VALID', 'NONCE_MISMATCH'],
  10018: ['ISSUER_INSECURE', 'ISSUER_INVALID', 'HTTP_UNAVAILABLE'],
  10020: ['CANCELED'],
  10023: ['KEY_DAMAGED', 'PROOF_INVALID', 'CONTEXT_HASH_MISMATCH'],
  10024: ['DEVICE_REQUIREMENTS_FAILED'],
}

const NUMBERS = new Map(Object.entries(CODES).flatMap(([number, codes]) => codes.map((code) => [code, Number(number)])))

/** The number that comes closest. Of a code that has none: the server's, when it was the server that refused. */
export function numberOf(code: string, refused: boolean): number {
  return NUMBERS.get(code) ?? (refused ? SERVER : INTERNAL)
}
