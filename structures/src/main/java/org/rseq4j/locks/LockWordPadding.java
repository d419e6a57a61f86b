// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.locks;

/** Keeps what follows away from the lock's word. */
@SuppressWarnings("serial") // SliceLock is written as its form
abstract class LockWordPadding extends LockWord {
    int b00, b01, b02, b03, b04, b05, b06, b07;
    int b10, b11, b12, b13, b14, b15, b16, b17;
    int b20, b21, b22, b23, b24, b25, b26, b27;
    int b30, b31, b32, b33, b34, b35, b36, b37;
}
