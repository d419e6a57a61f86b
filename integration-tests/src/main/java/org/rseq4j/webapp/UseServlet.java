// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.webapp;

import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import org.rseq4j.Rseq;

/** Uses what the parameter "what" names, on the container's thread, a platform thread and a virtual one. */
public final class UseServlet extends HttpServlet {
    private static final long serialVersionUID = 1;

    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response)
            throws IOException, ServletException {
        Use use = Use.valueOf(request.getParameter("what"));
        try {
            use.run();
            for (Thread.Builder builder : new Thread.Builder[]{Thread.ofPlatform(), Thread.ofVirtual()}) {
                Throwable[] failure = {null};
                Thread thread = builder.unstarted(() -> {
                    try {
                        use.run();
                    } catch (Throwable e) {
                        failure[0] = e;
                    }
                });
                thread.start();
                thread.join();
                if (failure[0] != null) {
                    throw failure[0];
                }
            }
        } catch (Throwable e) {
            throw new ServletException(use + " failed", e);
        }
        response.setContentType("text/plain");
        response.getWriter().println(use + " with registration "
                + (use == Use.NOTHING ? "not asked" : Rseq.status().registration()));
    }
}
