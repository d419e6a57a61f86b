// SPDX-License-Identifier: Apache-2.0
/** A web application that uses everything of the library, which it has in its own WEB-INF/lib. */
package org.rseq4j.webapp;
