// SPDX-License-Identifier: Apache-2.0
/** A program that measures this library's structures beside the JDK's on the machine where it runs. */
package org.rseq4j.measure;
