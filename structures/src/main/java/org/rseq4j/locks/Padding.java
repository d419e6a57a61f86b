// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.locks;

/** Keeps what stands before the fields of a subclass away from them: 128 bytes, two lines that are fetched together. */
abstract class Padding {
    int a00, a01, a02, a03, a04, a05, a06, a07;
    int a10, a11, a12, a13, a14, a15, a16, a17;
    int a20, a21, a22, a23, a24, a25, a26, a27;
    int a30, a31, a32, a33, a34, a35, a36, a37;
}
