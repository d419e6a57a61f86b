// SPDX-License-Identifier: Apache-2.0
/**
 * An auto-configuration for Spring Boot 4, which is an optional dependency.
 *
 * @since 0.1.0
 */
package org.rseq4j.spring;
