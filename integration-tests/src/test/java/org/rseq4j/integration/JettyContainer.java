// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.integration;

import org.eclipse.jetty.ee11.webapp.WebAppContext;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.server.handler.ContextHandlerCollection;

/** Jetty, embedded. */
final class JettyContainer implements Container {
    private final Server server = new Server(0);
    private final ContextHandlerCollection applications = new ContextHandlerCollection();
    private WebAppContext application;

    JettyContainer() throws Exception {
        server.setHandler(applications);
        server.start();
    }

    @Override
    public int port() {
        return ((ServerConnector) server.getConnectors()[0]).getLocalPort();
    }

    @Override
    public ClassLoader deploy() throws Exception {
        application = new WebAppContext(APPLICATION.toString(), "/app");
        application.setThrowUnavailableOnStartupException(true);
        applications.addHandler(application);
        application.start();
        return application.getClassLoader();
    }

    @Override
    public void undeploy() throws Exception {
        application.stop();
        applications.removeHandler(application);
        application.destroy();
        application = null;
    }

    @Override
    public int keeps() {
        return 1; // the last one, until the next is deployed
    }

    @Override
    public void close() {
        try {
            server.stop();
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
        server.destroy();
    }

    @Override
    public String toString() {
        return "Jetty";
    }
}
