// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.integration;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.catalina.Context;
import org.apache.catalina.LifecycleException;
import org.apache.catalina.startup.Tomcat;

/** Tomcat, embedded. */
final class TomcatContainer implements Container {
    private final Tomcat tomcat = new Tomcat();
    private Context application;

    TomcatContainer(Path work) throws IOException, LifecycleException {
        tomcat.setBaseDir(work.toString());
        tomcat.setAddDefaultWebXmlToWebapp(false);
        tomcat.setPort(0);
        tomcat.getHost().setAppBase(Files.createDirectories(work.resolve("webapps")).toString());
        tomcat.getConnector();
        tomcat.start();
    }

    @Override
    public int port() {
        return tomcat.getConnector().getLocalPort();
    }

    @Override
    public ClassLoader deploy() {
        application = tomcat.addWebapp("/app", APPLICATION.toString());
        return application.getLoader().getClassLoader();
    }

    @Override
    public void undeploy() throws LifecycleException {
        application.stop();
        application.destroy();
        application = null;
    }

    @Override
    public int keeps() {
        return 0;
    }

    @Override
    public void close() {
        try {
            tomcat.stop();
            tomcat.destroy();
        } catch (LifecycleException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public String toString() {
        return "Tomcat";
    }
}
