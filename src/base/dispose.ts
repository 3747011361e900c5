/**
 * The symbols behind `using` and `await using`. Node has them from 20.5 on; before that these stand-ins keep
 * a class from getting a method called "undefined", and close() and release() do the same by name.
 */
export const dispose: typeof Symbol.dispose = Symbol.dispose ?? Symbol('Symbol.dispose')
export const asyncDispose: typeof Symbol.asyncDispose = Symbol.asyncDispose ?? Symbol('Symbol.asyncDispose')
