// The version of this package, as a payload tells it.

export const VERSION = '0.1.0'
