// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.integration;

import java.nio.file.Path;

/** A servlet container with one application at a time. */
interface Container extends AutoCloseable {
    /** The exploded application, which has the library in its WEB-INF/lib. */
    Path APPLICATION = Path.of(System.getProperty("rseq4j.webapp")).toAbsolutePath();

    int port();

    /** Deploys the application as /app. */
    ClassLoader deploy() throws Exception;

    void undeploy() throws Exception;

    /** How many undeployed applications it keeps at most by itself, whatever they did. */
    int keeps();

    @Override
    void close();
}
