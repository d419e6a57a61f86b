// SPDX-License-Identifier: Apache-2.0
/** The demo: a server on this library's structures under HTTP load, beside the same server on the JDK's. */
package org.rseq4j.demo;
